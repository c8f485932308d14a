#![no_main]

use kiln_graph::io::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| kiln_graph_fuzz::read(Format::Ncol, data));
