//! Tests of the crate.
<<<<<<< HEAD
mod awd;
=======
mod attribution;
>>>>>>> h1
mod families;
mod reference;
mod tensors;
mod transform;
mod transforms;
mod trim;
