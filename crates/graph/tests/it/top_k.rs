//! The sparse top-k matrix of all nodes.

use kiln_graph::generators::HashedPlantedPartition;
use kiln_graph::{
    Adjacency, Appr, CsrGraph, GraphError, GraphWork, Limits, LocalQuery, SeedDistribution, WeightUnit,
    top_k_for_all,
};
use proptest::prelude::*;

use crate::graphs::{weighted_graph, wrong_setting};

type Row = (u64, Vec<(u64, f64)>);

fn rows(graph: &CsrGraph, query: &LocalQuery<Appr>, k: usize) -> (Vec<Row>, GraphWork) {
    let mut rows = Vec::new();
    let work = top_k_for_all(graph, query, k, |node, row| {
        rows.push((node, row.to_vec()));
        Ok(())
    });
    (rows, work.unwrap())
}

fn query() -> LocalQuery<Appr> {
    LocalQuery::node(0).method(Appr { alpha: 0.15, ..Appr::new(1e-3) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_the_largest_entries(graph in weighted_graph(20), k in 1_usize..8, other in any::<bool>()) {
        // Every setting of the query holds.
        let unit = if other { WeightUnit::AsGiven } else { WeightUnit::Mean };
        let query = LocalQuery { stop_at_error: other.then_some(1e-3), ..query().weight_unit(unit) };
        let (rows, work) = rows(&graph, &query, k);
        prop_assert!(rows.iter().map(|row| row.0).eq(0..graph.node_count()));
        let mut expected_work = GraphWork::default();
        for (node, row) in rows {
            if graph.degree(node) == 0.0 {
                prop_assert!(row.is_empty());
                continue;
            }
            let mut own = query.clone();
            own.seeds = SeedDistribution::node(node);
            let mut answer = own.run(&graph).unwrap();
            expected_work += answer.work;
            answer.mass.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            answer.mass.truncate(k);
            prop_assert_eq!(row, answer.mass);
        }
        prop_assert_eq!(work, expected_work);
    }
}

#[test]
fn blocks_join_and_threads_change_nothing() {
    // More nodes than are handed over at a time.
    let graph = HashedPlantedPartition::new(10_000).generate().unwrap();
    let coarse = LocalQuery::node(0).method(Appr::new(1e-2));
    let (expected, work) = rows(&graph, &coarse, 5);
    assert_eq!(expected.len(), 10_000);
    assert!(expected.iter().all(|(node, row)| row.len() <= 5 && (row.is_empty() || row[0].0 == *node)));
    let one = rayon_pool(1).install(|| rows(&graph, &coarse, 5));
    assert_eq!(one, (expected, work));
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

#[test]
fn the_first_error_ends_it() {
    let graph = HashedPlantedPartition::new(10_000).generate().unwrap();
    let mut seen = 0;
    let ended = top_k_for_all(&graph, &query(), 3, |node, _| {
        seen += 1;
        if node == 7 { Err(std::io::Error::other("the disk is full").into()) } else { Ok(()) }
    });
    assert!(matches!(ended, Err(GraphError::Io { .. })));
    assert_eq!(seen, 8);
    assert_eq!(wrong_setting_k(&graph), "k");
    let bad = LocalQuery::node(0).method(Appr::new(-1.0));
    assert_eq!(wrong_setting(top_k_for_all(&graph, &bad, 3, |_, _| Ok(()))), "epsilon");
    // Limits hold for every row.
    let limits = Limits { max_work: Some(0), ..Limits::default() };
    let none = query().limits(limits);
    assert!(rows(&graph, &none, 3).0.iter().all(|row| row.1.is_empty()));
}

fn wrong_setting_k(graph: &CsrGraph) -> &'static str {
    wrong_setting(top_k_for_all(graph, &query(), 0, |_, _| Ok(())))
}
