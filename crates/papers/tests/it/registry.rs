//! The list of papers.

use kiln_papers::registry::PAPERS;
use kiln_receipts::registry::validate;

#[test]
fn the_papers_of_this_build_are_valid() {
    validate(PAPERS).unwrap();
}
