"""The pages in the browser and their server: `page.html` watches a run as a reader, `play.html` trades as an external agent.

Both are NATS clients, made of `source/` by `npm ci && npm run build` there; a test holds that they are what the source says.
"""
