"""Hide a file in a picture and get it back: `python examples/five_lines.py COVER SECRET FOLDER`."""

import sys

import intarsia

cover, secret, folder = sys.argv[1:]
hidden = intarsia.hide(cover, secret, f"{folder}/container.png", password="correct horse battery")
print(f"cover {hidden.cover_psnr:.1f} dB, {hidden.secrets[0].bytes} bytes")
revealed = intarsia.reveal(f"{folder}/container.png", f"{folder}/revealed/", password="correct horse battery")
print(revealed.outputs[0].path)
