"""Learning: one loop for every network and every fit, and the data, the channel and the pictures around it.

    sources ──► packs ──► pairs ──► feed ─┐                 ┌─► run (config, curve, checkpoints, weights, sheet)
                                          ▼                 │
    recipe, phases ───────────────────► loop ◄──► learner ──┘
                                                    │
                         networks ──► container ──► rounding, transit, spectrum (differentiable) ──► losses ──► balance

From here on there is torch, except in what settings and data need: `recipe`, and everything up to `pairs`.
"""
