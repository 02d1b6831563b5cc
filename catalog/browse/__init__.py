"""Looking things up: finding entries, and showing them as text, in English and Chinese.

``search`` and ``query`` find entries; ``items`` gives them as JSON and answers who refers to whom
and how many there are; ``page.Page`` is one entry as text, ``rankings`` its places in the tables;
``vocabulary`` has the words for all fixed terms, ``table`` lines up what has Chinese characters.
``browser`` and ``terminal`` show all that full-screen.
"""
