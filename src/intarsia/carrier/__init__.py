"""Numbers in a cover: where secret bytes go, in which order, behind which key.

    password ─keys─► Keys ─┬─order──► which place comes first
                           └─seal───► bytes nobody can read or change unnoticed
    bytes ─ternary─► digits ─matrix─► few changes of ±1 ─channel─► places ─► samples

This room knows numbers only: no files, no media kinds, no methods.
"""
