"""Numbers in a cover: where secret bytes go, in which order, behind which key.

    password ─keys─► Keys ─┬─order──► which place comes first
                           └─seal───► bytes nobody can read or change unnoticed
    picture  bytes ─ternary─► digits ─matrix─► few changes of ±1 ─scattered─► keyed places
    sound    bytes ─erasure─► shares ─filling─► digits mod m, or ternary ─framed─► frames, found by sync

    Both are a `channel` to the methods: seal and write, read and unseal.

This room knows numbers only: no files, no media kinds, no methods.
"""
