"""Every table and figure of the papers by one command, theirs beside ours, and what survives the channel.

    --data ─► material ─► plans ─► tasks ─► work ──► trips, direct, controls, channels ─► measures ─┐
                            ▲                │                                                      ▼
              papers ───────┤                └──────── what is known already ◄──────────── items.jsonl, a line each
                            │                                                                       │
                            └──────────────── tables, figures, matrix ◄─────────────────────────────┘ ─► report

A task is one secret in one cover by one method under its settings. It goes through the real pipeline, is read from the
saved file, and is measured once; its line is found again by what went into it, so an interrupted command goes on.
Tables and figures only look at lines.
"""
