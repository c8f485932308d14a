//! Speed against scikit-learn, without the rest of the workspace.
//!
//! ```text
//! cargo run --release -p kiln-linear --example against_scikit_learn -- \
//!     [SET ...] [--repeats N] [--python PATH] [--alone]
//! ```
//!
//! What is measured and how: see `crates/bench/src/linear_contest.rs`, of which this is a front end.

#[path = "../../bench/src/linear_contest.rs"]
mod linear_contest;
#[path = "../../bench/src/linear_sets.rs"]
mod linear_sets;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use linear_contest::{GAPS, Line, SETS};
use linear_sets::Fault;

struct Peers {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peers {
    fn start(python: &str) -> Result<Self, Fault> {
        let script = kiln_tests::root().join("crates/bench/src/linear_peers.py");
        let mut child = Command::new(python)
            .arg(script)
            .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "1")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output })
    }

    fn ask(&mut self, job: &Value) -> Result<Value, Fault> {
        writeln!(self.input, "{job}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the data sets: one that is compiled into `kiln-datasets`, or from the folder of data.
fn read(name: &str) -> Result<Vec<u8>, Fault> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let embedded = kiln_tests::root().join("crates/datasets/src/embedded").join(file);
    let path = if embedded.is_file() {
        embedded
    } else {
        kiln_tests::data_with(name).ok_or_else(|| format!("{name} is missing"))?.join(name)
    };
    let bytes = std::fs::read(path)?;
    if std::path::Path::new(file).extension().is_none_or(|extension| extension != "gz") {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out)?;
    Ok(out)
}

fn tell(line: &Line) {
    let more = if line.is_reached() { "" } else { "> " };
    println!(
        "  {:>16} {:.0e}: {:9.2} ms, gap {:.1e}, {more}x{:.2} {}",
        line.method, GAPS[line.goal], line.milliseconds, line.gap, line.ratio, line.note
    );
}

fn main() -> Result<(), Fault> {
    let (mut names, mut repeats, mut alone, mut python) = (Vec::new(), 5, false, "python3".to_owned());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--alone" => alone = true,
            "--repeats" => repeats = arguments.next().ok_or("--repeats N")?.parse::<usize>()?.max(1),
            "--python" => python = arguments.next().ok_or("--python PATH")?,
            _ => names.push(argument),
        }
    }
    if names.is_empty() {
        names = SETS.map(str::to_owned).to_vec();
    }
    let mut peers = if alone { None } else { Some(Peers::start(&python)?) };
    for name in names {
        let set = linear_contest::set(&name, &read)?;
        let (n, d) = (set.rows.rows(), set.rows.columns());
        println!("\n{}: {n} x {d}, {} stored entries", set.name, set.rows.nonzeros());
        let ours = linear_contest::ours(&set, repeats, &mut |line| tell(&line))?;
        if let Some(peers) = &mut peers {
            let mut ask = |job: &Value| peers.ask(job);
            let version = linear_contest::theirs(&set, (repeats, ours), &mut ask, &mut |line| tell(&line))?;
            println!("  scikit-learn {version}");
        }
    }
    Ok(())
}
