"""The live page: its static server, and the page itself, which is one more NATS client, read-only.

`page.html` is made of `source/` by `npm ci && npm run build` there; a test holds that it is what the source says.
"""
