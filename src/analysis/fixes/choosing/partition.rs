//! Which layers belong into one: the choice of groups. [Model](crate::model) 6.
//!
//! The waste records, summed up by pairs of layers, are a graph: two layers are joined by the bytes that one stores and the
//! other hides. A group of layers saves what lies between its members and costs `threshold` bytes for each member beyond
//! the first, because every merge costs build cache and layer sharing. Chosen is the partition of the layers into groups
//! with the largest sum of *saved − cost*; among equals, the one that merges fewest. Layers that no group wants stay alone.
//!
//! Groups are sets, not runs: a folder that step 3 fills and step 20 deletes concerns two steps, not eighteen. What is to
//! be done with the steps in between is decided afterwards (see [`super::Between`]).
//!
//! The partition is built layer by layer, each time from the best one of the layers below. If no set of the groups found
//! so far pays for itself, then a new layer can only make a set pay that it belongs to itself; the best such set is a
//! minimum cut (Goldberg's construction for the densest subgraph), so that nothing is tried out and nothing is guessed.

use std::collections::BTreeMap;

use super::flow::Network;

/// Bytes between pairs of layers, by their places; the lower one first, never equal.
pub(in super::super) type Edges = BTreeMap<(usize, usize), u64>;

/// Returns the groups of two or more layers in the order of their lowest member; members ascend.
pub(super) fn groups(edges: &Edges, threshold: u64) -> Vec<Vec<usize>> {
    let mut blocks = Blocks { members: BTreeMap::new(), weights: BTreeMap::new() };
    let mut below: BTreeMap<usize, Vec<(usize, u64)>> = BTreeMap::new();
    for ((lower, upper), bytes) in edges {
        below.entry(*upper).or_default().push((*lower, *bytes));
        below.entry(*lower).or_default();
    }
    for (layer, lower) in below {
        blocks.add(layer, &lower);
        blocks.settle(layer, i128::from(threshold));
    }
    let mut groups: Vec<Vec<usize>> = blocks.members.into_values().filter(|members| members.len() > 1).collect();
    for members in &mut groups {
        members.sort_unstable();
    }
    groups.sort_unstable();
    groups
}

/// Returns the best disjoint runs of layers between the first and the last of `members`, where every layer of a run counts:
/// for groups whose steps cannot change places. Ascending.
pub(super) fn runs(edges: &Edges, members: &[usize], threshold: u64) -> Vec<Vec<usize>> {
    let (Some(first), Some(last)) = (members.first().copied(), members.last().copied()) else {
        return Vec::new();
    };
    let mut above: Vec<Vec<(usize, u64)>> = vec![Vec::new(); last - first + 1];
    for ((lower, upper), bytes) in edges.iter().filter(|((lower, upper), _)| *lower >= first && *upper <= last) {
        above[lower - first].push((upper - first, *bytes));
    }
    // For each number of layers from below: the best value, and where its last run starts (the layer itself: none).
    let mut best: Vec<(i128, usize)> = vec![(0, 0)];
    for end in 0..above.len() {
        let mut choice = (best[end].0, end);
        let mut inside = 0;
        for start in (0..end).rev() {
            let joined = above[start].iter().filter(|(upper, _)| *upper <= end);
            inside += joined.map(|(_, bytes)| i128::from(*bytes)).sum::<i128>();
            let value = best[start].0 + inside - i128::from(threshold) * (end - start) as i128;
            if value > choice.0 {
                choice = (value, start);
            }
        }
        best.push(choice);
    }
    let mut runs = Vec::new();
    let mut end = above.len();
    while end > 0 {
        let start = best[end].1;
        if start < end - 1 {
            runs.push((first + start..first + end).collect());
        }
        end = start.min(end - 1);
    }
    runs.reverse();
    runs
}

/// The groups so far, each named by one of its members, and the bytes between them.
struct Blocks {
    members: BTreeMap<usize, Vec<usize>>,
    weights: BTreeMap<usize, BTreeMap<usize, i128>>,
}

impl Blocks {
    fn add(&mut self, layer: usize, lower: &[(usize, u64)]) {
        let mut weights: BTreeMap<usize, i128> = BTreeMap::new();
        let block_of: BTreeMap<usize, usize> =
            self.members.iter().flat_map(|(name, members)| members.iter().map(|member| (*member, *name))).collect();
        for (other, bytes) in lower {
            *weights.entry(block_of[other]).or_default() += i128::from(*bytes);
        }
        for (block, weight) in &weights {
            self.weights.entry(*block).or_default().insert(layer, *weight);
        }
        self.weights.insert(layer, weights);
        self.members.insert(layer, vec![layer]);
    }

    /// Merges what the new layer makes worth merging.
    fn settle(&mut self, layer: usize, threshold: i128) {
        // A pair that pays alone is in one group of every best partition; taking those first keeps the cuts small.
        while let Some(other) = self.weights[&layer].iter().find(|(_, weight)| **weight > threshold).map(|pair| *pair.0)
        {
            self.merge(layer, other);
        }
        for other in self.best_set(layer, threshold) {
            self.merge(layer, other);
        }
    }

    /// Moves all of `other` into `block`.
    fn merge(&mut self, block: usize, other: usize) {
        let members = self.members.remove(&other).unwrap_or_default();
        self.members.entry(block).or_default().extend(members);
        for (third, weight) in self.weights.remove(&other).unwrap_or_default() {
            if let Some(row) = self.weights.get_mut(&third) {
                row.remove(&other);
            }
            if third != block {
                *self.weights.entry(block).or_default().entry(third).or_default() += weight;
                *self.weights.entry(third).or_default().entry(block).or_default() += weight;
            }
        }
    }

    /// Returns the smallest set of blocks that saves most together with `center`; empty where none pays.
    fn best_set(&self, center: usize, threshold: i128) -> Vec<usize> {
        let nodes = self.candidates(center, threshold);
        if nodes.len() < 2 {
            return Vec::new();
        }
        let place = |block: &usize| nodes.binary_search(block).ok();
        let mut network = Network::new(nodes.len() + 2);
        let (source, sink) = (nodes.len(), nodes.len() + 1);
        for (at, block) in nodes.iter().enumerate() {
            let mut degree = 0;
            for (other, weight) in
                self.weights[block].iter().filter_map(|(other, weight)| Some((place(other)?, weight)))
            {
                degree += weight;
                if other > at {
                    network.add_both_ways(at, other, *weight);
                }
            }
            let cost = 2 * threshold - degree;
            if *block == center {
                network.add(source, at, i128::MAX / 4);
                network.add(at, sink, cost.max(0));
            } else {
                network.add(source, at, (-cost).max(0));
                network.add(at, sink, cost.max(0));
            }
        }
        network.saturate(source, sink);
        let reached = network.reachable(source);
        nodes
            .iter()
            .enumerate()
            .filter(|(at, block)| reached[*at] && **block != center)
            .map(|(_, block)| *block)
            .collect()
    }

    /// Returns the blocks that could pay, `center` among them, ascending: each has more than the threshold to the others.
    fn candidates(&self, center: usize, threshold: i128) -> Vec<usize> {
        let mut degrees: BTreeMap<usize, i128> =
            self.weights.iter().map(|(block, row)| (*block, row.values().sum())).collect();
        let mut leaving: Vec<usize> = degrees.keys().copied().collect();
        while let Some(block) = leaving.pop() {
            if block == center || degrees.get(&block).is_none_or(|degree| *degree > threshold) {
                continue;
            }
            degrees.remove(&block);
            for (other, weight) in &self.weights[&block] {
                if let Some(degree) = degrees.get_mut(other) {
                    *degree -= weight;
                    leaving.push(*other);
                }
            }
        }
        // Only what hangs together with the center matters.
        let mut found = vec![center];
        let mut seen = std::collections::BTreeSet::from([center]);
        while let Some(block) = found.pop() {
            let next = self.weights[&block].keys().filter(|other| degrees.contains_key(other));
            found.extend(next.filter(|other| seen.insert(**other)));
        }
        seen.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(edges: &Edges, groups: &[Vec<usize>], threshold: u64) -> i128 {
        let inside = |group: &Vec<usize>| -> i128 {
            let bytes: u64 =
                edges.iter().filter(|((a, b), _)| group.contains(a) && group.contains(b)).map(|(_, bytes)| bytes).sum();
            i128::from(bytes) - i128::from(threshold) * (group.len() as i128 - 1)
        };
        groups.iter().map(inside).sum()
    }

    /// The best value and, for it, the fewest merged layers, over all partitions.
    fn brute(edges: &Edges, layers: usize, threshold: u64) -> (i128, usize) {
        fn go(at: usize, groups: &mut Vec<Vec<usize>>, try_out: &mut dyn FnMut(&[Vec<usize>]), layers: usize) {
            if at == layers {
                return try_out(groups);
            }
            for group in 0..groups.len() {
                groups[group].push(at);
                go(at + 1, groups, try_out, layers);
                groups[group].pop();
            }
            groups.push(vec![at]);
            go(at + 1, groups, try_out, layers);
            groups.pop();
        }
        let mut best = (0, 0);
        let mut try_out = |groups: &[Vec<usize>]| {
            let joins: usize = groups.iter().map(|group| group.len() - 1).sum();
            let candidate = (value(edges, groups, threshold), joins);
            if candidate.0 > best.0 || (candidate.0 == best.0 && candidate.1 < best.1) {
                best = candidate;
            }
        };
        go(0, &mut Vec::new(), &mut try_out, layers);
        best
    }

    #[test]
    fn the_classic_is_one_group() {
        let mib = 1 << 20;
        let edges = Edges::from([((2, 3), mib), ((3, 5), mib), ((5, 6), mib), ((4, 5), mib)]);
        assert_eq!(groups(&edges, 100_000), [vec![2, 3, 4, 5, 6]]);
        assert_eq!(groups(&edges, mib), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn three_that_pay_only_together() {
        let edges = Edges::from([((0, 1), 90), ((1, 2), 90), ((0, 2), 90), ((2, 7), 100), ((7, 9), 101)]);
        assert_eq!(groups(&edges, 100), [vec![0, 1, 2], vec![7, 9]]);
    }

    #[test]
    fn runs_count_every_layer_between() {
        let edges = Edges::from([((2, 3), 500), ((3, 9), 150), ((6, 7), 300), ((6, 8), 90)]);
        assert_eq!(runs(&edges, &[2, 3, 6, 7, 9], 100), [vec![2, 3], vec![6, 7]]);
        assert_eq!(runs(&edges, &[2, 9], 10), [vec![2, 3, 4, 5, 6, 7, 8, 9]]);
        assert_eq!(runs(&edges, &[2, 9], 1000), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn interleaved_pairs_stay_two_groups() {
        let edges = Edges::from([((0, 9), 500), ((4, 5), 500), ((5, 9), 50)]);
        assert_eq!(groups(&edges, 100), [vec![0, 9], vec![4, 5]]);
    }

    #[test]
    fn five_hundred_layers_take_no_time() {
        // A dense graph without a pair that pays alone, the worst for the cuts.
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let pairs = (0..500).flat_map(|a| (a + 1..500).map(move |b| (a, b)));
        let edges: Edges = pairs.filter(|_| random() % 8 == 0).map(|pair| (pair, 1 + pair.0 as u64 % 90)).collect();
        let found = groups(&edges, 100);
        assert!(found.iter().map(Vec::len).sum::<usize>() > 400);
    }

    proptest::proptest! {
        #[test]
        fn as_good_as_trying_out_everything(
            weights in proptest::collection::vec(0u64..160, 21),
            threshold in 1u64..140,
        ) {
            let layers = 7;
            let pairs = (0..layers).flat_map(|a| (a + 1..layers).map(move |b| (a, b)));
            let edges: Edges = pairs.zip(weights).filter(|(_, bytes)| *bytes > 20).collect();
            let found = groups(&edges, threshold);
            let joins: usize = found.iter().map(|group| group.len() - 1).sum();
            proptest::prop_assert_eq!((value(&edges, &found, threshold), joins), brute(&edges, layers, threshold));
        }
    }
}
