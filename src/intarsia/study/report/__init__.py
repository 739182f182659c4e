"""What an evaluation leaves in its folder: one page to read, and every number for other programs.

index.html       self-contained: tables, pictures, players        figures/NAME.png, NAME.svg
tables.md        the same tables as text                           tables/NAME.csv, NAME.tex
numbers.jsonl    a line for each number, the papers' beside ours   cite.bib, listening.html
"""
