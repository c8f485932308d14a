//! Block coordinate descent with greedy, random and cyclic rules.
