"""The matrix of who may do what: what is meant, tried on a real server, and shown as a page.

`expected.toml` says what is meant, by hand; `probes` lists what is tried, `measure` tries it as every user there
is, `page` shows both. Nothing here reads `permissions`: a mistake there must show.
"""
