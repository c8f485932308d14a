//! The curvature of a loss: Hessian-vector products and what is made of them.
