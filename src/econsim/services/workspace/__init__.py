"""The workspace service: changes of files, answers about them, and the collection of what no file needs."""
