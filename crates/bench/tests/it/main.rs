//! The program itself.

use std::process::Command;

#[test]
fn an_unknown_benchmark_is_named_and_exits_with_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_kiln-bench")).arg("no-such-benchmark").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("no-such-benchmark"), "{error}");
}
