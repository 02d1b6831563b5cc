"""The registry and the catalogue that is built on it; never imports torch and never ``bench``.

At the root stands what everything here and in ``bench`` uses: ``errors`` (what a user meets, with
exit codes), ``files`` (the cache folder, and writing all or nothing), ``names`` (near misses of a
name), ``markdown_table``, and ``document`` (strict YAML that remembers lines). The rooms follow,
and each imports only what stands before it: ``schema`` (entries), ``rules`` (what ties entries
together), ``read`` (from a file to a registry), ``browse`` (looking things up), ``export`` (other
formats), ``cli`` (the commands).
"""
