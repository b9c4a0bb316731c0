"""The matrix of permissions: the expected rights, the rights that a real server grants, and a page with both.

`expected.toml` is written by a person, `probes` lists the probes, `prober` sends them, `measure` does so as every
user, `page` shows the result. Nothing here reads `identity.roles`: a mistake there must show.
"""
