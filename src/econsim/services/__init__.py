"""Work of the services: here the parts that all of them share, below it a room for each service."""
