//! Games `min_x max_y f(x, y)` and monotone operators.
