"""The router's pure core: policy, rotation, assignment, and the dossier of each lead."""
