//! Alternating minimization and descent over sets that need not be convex.
