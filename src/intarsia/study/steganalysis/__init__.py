"""Steganalysis: would anyone notice? Detectors that see, and figures that say how far they do.

    file ─► planes ─┬─► chi2 · spa · ws · rs · primary · jpeg ──────────────► score ─┐
                    ├─► four of them ─► stegexpose-original, -clean ────────► score ─┤
                    ├─► SPAM-686, or a sound's features ─► LDA, five folds ─► score ─┼─► ROC, AUC, P_E ─► report
                    ├─► small residual network ─────────────────────────────► score ─┤   beside controls
                    └─► revealed without a key ─► does it look natural? ────► score ─┘   verdict on each file

Pure detectors, one in each file: chi2 sample_pairs rs ws fusion jpeg spam sound_features natural. What learns: lda,
network, learning. What they are measured with: roc, controls, adaptive. The verb: listing measure store trained
verdicts analysis report figures.
"""
