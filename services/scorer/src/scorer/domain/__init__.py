"""The pure core of scorer: facts of a lead (dossier), scorecards, scores and episodes. No I/O, no clock."""
