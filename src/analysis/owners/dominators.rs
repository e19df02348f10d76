//! Who cannot be reached without whom, from a root above all roots. The method is Lengauer and Tarjan's, with path
//! compression: about linear time, whatever the graph.

use super::OwnerId;

/// Not reached, not linked.
const NONE: u32 = u32::MAX;

/// The dominator tree of a graph. Nodes have the numbers of a walk in depth; 0 is the root above all roots.
pub(super) struct Dominators {
    /// The number of each owner; [`NONE`] where the roots do not lead to it.
    number: Vec<u32>,
    /// The owner of each number.
    owner: Vec<OwnerId>,
    /// The nearest node that dominates each: a lower number.
    above: Vec<u32>,
    /// Where each node's part of a walk through the dominator tree starts and ends.
    span: Vec<(u32, u32)>,
}

impl Dominators {
    /// Finds who dominates whom from `roots` on; `needs` are the edges.
    pub(super) fn of(needs: &[&[OwnerId]], roots: &[OwnerId]) -> Self {
        let walk = Walk::new(needs, roots);
        let above = Forest::new(walk.owner.len()).solve(&walk, needs, roots);
        let span = spans(&above);
        Dominators { number: walk.number, owner: walk.owner, above, span }
    }

    /// Says whether the roots lead to an owner.
    pub(super) fn reaches(&self, id: OwnerId) -> bool {
        self.number[id as usize] != NONE
    }

    /// Says whether every way to `id` leads through `other`; an owner is below itself.
    pub(super) fn is_below(&self, id: OwnerId, other: OwnerId) -> bool {
        let (id, other) = (self.number[id as usize], self.number[other as usize]);
        if id == NONE || other == NONE {
            return false;
        }
        let (start, end) = self.span[other as usize];
        (start..end).contains(&self.span[id as usize].0)
    }

    /// Returns for each owner the weights of all that are below it.
    pub(super) fn sums(&self, weights: &[u64]) -> Vec<u64> {
        let mut sums = weights.to_vec();
        for number in (1..self.owner.len()).rev() {
            let above = self.above[number] as usize;
            if above > 0 {
                sums[self.owner[above] as usize] += sums[self.owner[number] as usize];
            }
        }
        sums
    }
}

/// A walk in depth.
struct Walk {
    number: Vec<u32>,
    owner: Vec<OwnerId>,
    /// From where each number was reached first.
    from: Vec<u32>,
}

impl Walk {
    fn new(needs: &[&[OwnerId]], roots: &[OwnerId]) -> Self {
        let mut walk = Walk { number: vec![NONE; needs.len()], owner: vec![NONE], from: vec![0] };
        let mut stack = vec![(0u32, roots.iter())];
        while let Some((from, next)) = stack.last_mut() {
            let Some(id) = next.next() else {
                stack.pop();
                continue;
            };
            if walk.number[*id as usize] == NONE {
                let number = u32::try_from(walk.owner.len()).unwrap_or(NONE);
                walk.number[*id as usize] = number;
                walk.owner.push(*id);
                walk.from.push(*from);
                stack.push((number, needs[*id as usize].iter()));
            }
        }
        walk
    }
}

/// The forest of what was visited, from the last node back.
struct Forest {
    semi: Vec<u32>,
    label: Vec<u32>,
    ancestor: Vec<u32>,
}

impl Forest {
    fn new(count: usize) -> Self {
        let numbers: Vec<u32> = (0u32..).take(count).collect();
        Forest { semi: numbers.clone(), label: numbers, ancestor: vec![NONE; count] }
    }

    fn solve(mut self, walk: &Walk, needs: &[&[OwnerId]], roots: &[OwnerId]) -> Vec<u32> {
        let count = walk.owner.len();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut targets: Vec<&[OwnerId]> = vec![roots];
        targets.extend(walk.owner[1..].iter().map(|id| needs[*id as usize]));
        for (from, list) in (0u32..).zip(targets) {
            for id in list {
                before[walk.number[*id as usize] as usize].push(from);
            }
        }
        let mut above = vec![0u32; count];
        let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); count];
        for number in (1..u32::try_from(count).unwrap_or(NONE)).rev() {
            let at = number as usize;
            for from in std::mem::take(&mut before[at]) {
                let best = self.eval(from);
                self.semi[at] = self.semi[at].min(self.semi[best as usize]);
            }
            buckets[self.semi[at] as usize].push(number);
            let from = walk.from[at];
            self.ancestor[at] = from;
            for other in std::mem::take(&mut buckets[from as usize]) {
                let best = self.eval(other);
                let is_lower = self.semi[best as usize] < self.semi[other as usize];
                above[other as usize] = if is_lower { best } else { from };
            }
        }
        for at in 1..count {
            if above[at] != self.semi[at] {
                above[at] = above[above[at] as usize];
            }
        }
        above
    }

    /// Returns the node with the lowest semidominator on the way up, and shortens the way.
    fn eval(&mut self, node: u32) -> u32 {
        let mut way = Vec::new();
        let mut at = node;
        while self.ancestor[at as usize] != NONE {
            way.push(at);
            at = self.ancestor[at as usize];
        }
        // The last one hangs on a root of the forest already.
        way.pop();
        for at in way.into_iter().rev() {
            let up = self.ancestor[at as usize];
            let (own, other) = (self.label[at as usize], self.label[up as usize]);
            if self.semi[other as usize] < self.semi[own as usize] {
                self.label[at as usize] = other;
            }
            self.ancestor[at as usize] = self.ancestor[up as usize];
        }
        self.label[node as usize]
    }
}

/// Walks through the tree: what is below a node lies in its span.
fn spans(above: &[u32]) -> Vec<(u32, u32)> {
    let mut sizes = vec![1u32; above.len()];
    for at in (1..above.len()).rev() {
        sizes[above[at] as usize] += sizes[at];
    }
    let mut spans = vec![(0, sizes[0]); above.len()];
    let mut next: Vec<u32> = vec![1; above.len()];
    for at in 1..above.len() {
        let parent = above[at] as usize;
        let start = next[parent];
        next[parent] += sizes[at];
        next[at] = start + 1;
        spans[at] = (start, start + sizes[at]);
    }
    spans
}
