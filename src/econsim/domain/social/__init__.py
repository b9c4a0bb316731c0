"""Rules of the social service: questions, messages by consent, and delegated tasks."""
