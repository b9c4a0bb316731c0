"""Starting what a run needs: a server, services in this process or in their own, and the run itself."""
