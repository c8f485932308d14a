//! One file per method. [`LocalQuery`](crate::LocalQuery) runs those that answer one query; the two
//! path methods have functions of their own.

pub(crate) mod appr;
pub(crate) mod appr_opt;
pub(crate) mod l1_cd;
pub(crate) mod l1_exact;
pub(crate) mod l1_fista;
pub(crate) mod l1_ista;
pub(crate) mod l1_path_exact;
pub(crate) mod l1_stagewise;
pub(crate) mod limits;
pub(crate) mod principal_system;
pub(crate) mod proximal;
pub(crate) mod push;
