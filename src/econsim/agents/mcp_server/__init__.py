"""An agent's powers as tools of the Model Context Protocol, for an assistant that starts this server over stdio."""
