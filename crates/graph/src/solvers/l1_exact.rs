pub(crate) use super::l1_cd::solve;
