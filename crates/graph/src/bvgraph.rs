//! Compressed graphs on disk in the format of WebGraph (Boldi, Vigna 2004), read through a memory map.
//!
//! A query touches only the pages that hold the lists it reads, so the graph may be larger than memory. A
//! query asks for the degree of every node that it touches, many more than it reads lists of, and decoding a
//! degree costs as much as a cache miss or two; so degrees have a mapped file of their own, 4 bytes a node.

use std::cmp::Ordering;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dsi_bitstream::traits::BE;
use dsi_progress_logger::no_logging;
use webgraph::graphs::arc_list_graph::ArcListGraph;
use webgraph::graphs::bvgraph::{
    BvComp, BvGraph, DynCodesDecoderFactory, EF, parse_properties, store_ef_with_data,
};
use webgraph::prelude::MemoryFlags;
use webgraph::traits::{RandomAccessGraph, RandomAccessLabeling, SequentialLabeling};
use webgraph::utils::MmapHelper;

use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::generators::mix;

/// A graph in BV format that is memory mapped, offsets included.
pub type MappedBvGraph = BvGraph<DynCodesDecoderFactory<BE, MmapHelper<u32>, EF>>;

/// Local queries on a `webgraph` graph; every weight is 1.
///
/// The graph must be symmetric: each edge stored from both ends, a self-loop once. Nothing checks this at
/// query time; [`check_symmetric`](Self::check_symmetric) does in one pass over the graph.
///
/// ```
/// use kiln_graph::{BvAccess, CsrGraph, LocalQuery};
/// # let folder = tempfile::tempdir().unwrap();
/// # let basename = folder.path().join("path");
/// let graph = CsrGraph::from_edges(100, (0..99).map(|u| (u, u + 1)))?;
/// BvAccess::write(&graph, &basename)?;
/// let compressed = BvAccess::open(&basename)?;
/// let query = LocalQuery::node(7).rho(1e-3);
/// assert_eq!(query.run(&compressed)?, query.run(&graph)?);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
pub struct BvAccess<G = MappedBvGraph> {
    graph: G,
    /// Degrees as little-endian numbers; without them each is decoded when asked for.
    degrees: Option<MmapHelper<u32>>,
    name: PathBuf,
}

// Not derived: the decoders of `webgraph` are not `Debug`.
impl<G> fmt::Debug for BvAccess<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BvAccess").field("name", &self.name).finish_non_exhaustive()
    }
}

impl BvAccess {
    /// Maps the graph `basename.graph`, `.properties`, `.ef` and `.degrees`.
    ///
    /// Checked: the files are there, the properties can be parsed, the offsets belong to this format
    /// version and number nodes + 1, the `.graph` file is as long as the properties say, and there is a
    /// degree for each node. Not checked, as it would mean to read everything: the bits of the lists, degrees
    /// and offsets. A file whose bits were changed at the same length can make the `webgraph` crate panic,
    /// loop without end, answer wrongly or (offsets only) read outside its tables; keep a checksum of files
    /// that travel. [`check_symmetric`](Self::check_symmetric) finds most such damage.
    ///
    /// # Errors
    /// [`GraphError::Compressed`].
    pub fn open(basename: impl AsRef<Path>) -> Result<Self> {
        let basename = basename.as_ref();
        check_basename(basename)?;
        let properties = existing(basename, "properties", "`BvAccess::write` creates it")?;
        let graph_file = existing(basename, "graph", "`BvAccess::write` creates it")?;
        let offsets = existing(basename, "ef", "`BvAccess::build_index` creates it from the .offsets file")?;
        let degrees = existing(basename, "degrees", "`BvAccess::build_index` creates it")?;
        let (nodes, _, _) = parse_properties::<BE>(&properties)
            .map_err(|error| compressed(&properties, format!("{error:#}")))?;
        let declared = declared_bits(&properties)?;
        let stored = 8 * std::fs::metadata(&graph_file).map_err(|error| io(&graph_file, error))?.len();
        if declared.is_some_and(|declared| declared > stored) {
            let declared = declared.unwrap_or_default();
            let message = format!("truncated: {stored} bits, but the properties declare {declared}");
            return Err(compressed(&graph_file, message));
        }
        let length = std::fs::metadata(&degrees).map_err(|error| io(&degrees, error))?.len();
        if length != 4 * nodes as u64 {
            let message = format!("{length} bytes, but {nodes} nodes need {}", 4 * nodes as u64);
            return Err(compressed(&degrees, message));
        }
        // Reading offsets of a damaged file must end in an error, so a panic in there becomes one.
        let loaded = catch_unwind(|| BvGraph::with_basename(basename).load());
        let graph = loaded
            .map_err(|_| compressed(&offsets, "corrupt: the offsets cannot be read"))?
            .map_err(|error| compressed(basename, format!("{error:#}")))?;
        let degrees = MmapHelper::mmap(&degrees, MemoryFlags::RANDOM_ACCESS.into())
            .map_err(|error| compressed(&degrees, format!("{error:#}")))?;
        Ok(Self { graph, degrees: Some(degrees), name: basename.to_owned() })
    }

    /// Compresses a graph without weights into `basename.graph`, `.offsets`, `.properties`, `.ef` and
    /// `.degrees`.
    ///
    /// # Errors
    /// [`GraphError::Compressed`] if the graph has weights, or a file cannot be written.
    pub fn write(graph: &CsrGraph, basename: impl AsRef<Path>) -> Result<()> {
        let basename = basename.as_ref();
        check_basename(basename)?;
        if graph.is_weighted() {
            let message =
                "the graph has weights, which this format does not store: see `CsrGraph::without_weights`";
            return Err(compressed(basename, message));
        }
        let arcs = (0..graph.node_count())
            .flat_map(|u| graph.neighbor_ids(u).iter().map(move |&v| (u as usize, v as usize)));
        BvComp::with_basename(basename)
            .comp_graph::<BE>(ArcListGraph::new(graph.node_count() as usize, arcs))
            .map_err(|error| compressed(basename, format!("{error:#}")))?;
        Self::build_index(basename)
    }

    /// Builds `basename.ef` and `.degrees`, which queries need, from `basename.graph` and `.offsets`, in
    /// one pass over each.
    ///
    /// # Errors
    /// [`GraphError::Compressed`].
    pub fn build_index(basename: impl AsRef<Path>) -> Result<()> {
        let basename = basename.as_ref();
        check_basename(basename)?;
        let properties = existing(basename, "properties", "it belongs to the graph")?;
        let graph_file = existing(basename, "graph", "it belongs to the graph")?;
        let offsets = existing(basename, "offsets", "it belongs to the graph")?;
        let (nodes, _, _) = parse_properties::<BE>(&properties)
            .map_err(|error| compressed(&properties, format!("{error:#}")))?;
        let bits = 8 * std::fs::metadata(&offsets).map_err(|error| io(&offsets, error))?.len();
        // Each offset takes a bit at least, so no more memory is used than the file bears out.
        if nodes as u64 >= bits {
            return Err(compressed(
                &offsets,
                format!("truncated: {bits} bits cannot hold {nodes} + 1 offsets"),
            ));
        }
        let target = basename.with_extension("ef");
        let store = || store_ef_with_data(nodes, &graph_file, &offsets, &target, no_logging!());
        catch_unwind(AssertUnwindSafe(store))
            .map_err(|_| compressed(&offsets, "corrupt: the offsets do not fit the graph"))?
            .map_err(|error| compressed(&offsets, format!("{error:#}")))?;
        catch_unwind(AssertUnwindSafe(|| write_degrees(basename)))
            .unwrap_or_else(|_| Err(compressed(&graph_file, "corrupt: a degree cannot be decoded")))
    }
}

fn write_degrees(basename: &Path) -> Result<()> {
    let graph = BvGraph::with_basename(basename)
        .load()
        .map_err(|error| compressed(basename, format!("{error:#}")))?;
    let path = basename.with_extension("degrees");
    let file = File::create(&path).map_err(|error| io(&path, error))?;
    let mut writer = BufWriter::new(file);
    for u in 0..graph.num_nodes() {
        let degree = u32::try_from(graph.outdegree(u))
            .map_err(|_| compressed(&path, format!("node {u} has more than 4294967295 neighbours")))?;
        writer.write_all(&degree.to_le_bytes()).map_err(|error| io(&path, error))?;
    }
    writer.flush().map_err(|error| io(&path, error))
}

impl<G: RandomAccessGraph> BvAccess<G> {
    /// Wraps a graph that is open already. Its successors must be sorted.
    pub fn new(graph: G) -> Self {
        Self { graph, degrees: None, name: PathBuf::from("BVGraph") }
    }

    /// Decodes the whole graph once and checks that lists ascend, that their total length is the declared
    /// number of arcs, and that every arc has its reverse.
    ///
    /// The last is checked by a 128-bit sum over arcs, in O(1) memory: an asymmetric graph that was not
    /// made to fool it passes with probability about 2⁻¹²⁸.
    ///
    /// # Errors
    /// [`GraphError::NotSymmetric`] naming an arc without a reverse (finding it takes a slower pass),
    /// [`GraphError::Compressed`] for damage.
    pub fn check_symmetric(&self) -> Result<()> {
        catch_unwind(AssertUnwindSafe(|| self.scan()))
            .unwrap_or_else(|_| Err(compressed(&self.name, "corrupt: a list cannot be decoded")))
    }

    fn scan(&self) -> Result<()> {
        let n = self.graph.num_nodes();
        let (mut arcs, mut balance) = (0_u64, 0_u128);
        for u in 0..n {
            let (mut last, mut found) = (None, 0);
            for v in self.graph.successors(u) {
                if v >= n || last.is_some_and(|last| v <= last) {
                    let message = format!("corrupt: the list of node {u} is not an ascending list of nodes");
                    return Err(compressed(&self.name, message));
                }
                last = Some(v);
                arcs += 1;
                found += 1;
                balance = match u.cmp(&v) {
                    Ordering::Less => balance.wrapping_add(fingerprint(u as u64, v as u64)),
                    Ordering::Greater => balance.wrapping_sub(fingerprint(v as u64, u as u64)),
                    Ordering::Equal => balance,
                };
            }
            let degree = self.arc_count(u as u64);
            if found != degree {
                let message = format!("corrupt: node {u} has degree {degree}, but {found} neighbours");
                return Err(compressed(&self.name, message));
            }
        }
        if arcs != self.graph.num_arcs() {
            let message =
                format!("corrupt: {arcs} arcs, but the properties declare {}", self.graph.num_arcs());
            return Err(compressed(&self.name, message));
        }
        if balance == 0 {
            return Ok(());
        }
        let lonely = (0..n)
            .flat_map(|u| self.graph.successors(u).into_iter().map(move |v| (u, v)))
            .find(|&(u, v)| !self.graph.has_arc(v, u));
        match lonely {
            Some((u, v)) => {
                Err(GraphError::NotSymmetric { u: u as u64, v: v as u64, forward: 1.0, backward: 0.0 })
            }
            None => Ok(()),
        }
    }
}

impl<G: RandomAccessGraph> Adjacency for BvAccess<G> {
    fn node_count(&self) -> u64 {
        self.graph.num_nodes() as u64
    }

    fn total_volume(&self) -> f64 {
        self.graph.num_arcs() as f64
    }

    fn degree(&self, u: u64) -> f64 {
        self.arc_count(u) as f64
    }

    fn arc_count(&self, u: u64) -> usize {
        // webgraph looks offsets up unchecked: a node out of range must never reach it.
        if u >= self.node_count() {
            return 0;
        }
        match &self.degrees {
            Some(degrees) => u32::from_le(degrees.as_ref()[u as usize]) as usize,
            None => self.graph.outdegree(u as usize),
        }
    }

    fn neighbors(&self, u: u64, mut visit: impl FnMut(u64, f64)) {
        if u >= self.node_count() {
            return;
        }
        for v in self.graph.successors(u as usize) {
            // Later look-ups of v would be unchecked too.
            assert!(v < self.graph.num_nodes(), "corrupt BVGraph: node {u} has neighbour {v}");
            visit(v as u64, 1.0);
        }
    }

    fn is_weighted(&self) -> bool {
        false
    }
}

/// 128 well-mixed bits for a pair.
fn fingerprint(u: u64, v: u64) -> u128 {
    let second = mix(mix(v ^ 0xd1b5_4a32_d192_ed03) ^ u);
    u128::from(mix(mix(u) ^ v)) << 64 | u128::from(second)
}

/// `webgraph` forms file names by replacing an extension, so a dot would make it read other files.
fn check_basename(basename: &Path) -> Result<()> {
    if basename.file_name().is_none() || basename.extension().is_some() {
        let message = "expected a base name without an extension, such as `graph` for graph.graph";
        return Err(compressed(basename, message));
    }
    Ok(())
}

fn existing(basename: &Path, extension: &str, hint: &str) -> Result<PathBuf> {
    let path = basename.with_extension(extension);
    if path.is_file() { Ok(path) } else { Err(compressed(&path, format!("no such file: {hint}"))) }
}

/// The length of the bit stream, where the properties have it (files written by the Java library do too).
fn declared_bits(properties: &Path) -> Result<Option<u64>> {
    let text = std::fs::read_to_string(properties).map_err(|error| io(properties, error))?;
    Ok(text.lines().find_map(|line| line.trim().strip_prefix("length=")?.trim().parse().ok()))
}

fn compressed(path: &Path, message: impl Into<String>) -> GraphError {
    GraphError::Compressed { path: path.to_owned(), message: message.into() }
}

fn io(path: &Path, source: std::io::Error) -> GraphError {
    GraphError::Io { path: Some(path.to_owned()), source }
}
