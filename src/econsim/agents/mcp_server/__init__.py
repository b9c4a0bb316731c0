"""An agent's tools over the Model Context Protocol, for an assistant that starts this server over stdio."""
