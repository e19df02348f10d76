//! A maximum flow, for the minimum cut that [`super::choice`] needs: Dinic's algorithm on a small network.

/// Arcs with what can still flow through them; an arc's reverse has the number beside it.
#[derive(Debug, Default)]
pub(super) struct Network {
    arcs_of: Vec<Vec<usize>>,
    arcs: Vec<Arc>,
}

#[derive(Debug, Clone, Copy)]
struct Arc {
    to: usize,
    room: i128,
}

impl Network {
    pub(super) fn new(node_count: usize) -> Self {
        Network { arcs_of: vec![Vec::new(); node_count], arcs: Vec::new() }
    }

    pub(super) fn add(&mut self, from: usize, to: usize, room: i128) {
        self.add_arcs(from, to, room, 0);
    }

    pub(super) fn add_both_ways(&mut self, from: usize, to: usize, room: i128) {
        self.add_arcs(from, to, room, room);
    }

    fn add_arcs(&mut self, from: usize, to: usize, room: i128, back: i128) {
        self.arcs_of[from].push(self.arcs.len());
        self.arcs.push(Arc { to, room });
        self.arcs_of[to].push(self.arcs.len());
        self.arcs.push(Arc { to: from, room: back });
    }

    /// Lets as much flow as there is room for.
    pub(super) fn saturate(&mut self, source: usize, sink: usize) {
        loop {
            let levels = self.levels(source);
            if levels[sink].is_none() {
                return;
            }
            let mut next = vec![0; self.arcs_of.len()];
            while self.push(source, sink, &levels, &mut next) {}
        }
    }

    /// Says which nodes the source still reaches: its side of the smallest minimum cut.
    pub(super) fn reachable(&self, source: usize) -> Vec<bool> {
        self.levels(source).iter().map(Option::is_some).collect()
    }

    fn levels(&self, source: usize) -> Vec<Option<u32>> {
        let mut levels = vec![None; self.arcs_of.len()];
        levels[source] = Some(0);
        let mut queue = std::collections::VecDeque::from([(source, 0)]);
        while let Some((node, level)) = queue.pop_front() {
            for arc in self.arcs_of[node].iter().map(|arc| self.arcs[*arc]).filter(|arc| arc.room > 0) {
                if levels[arc.to].is_none() {
                    levels[arc.to] = Some(level + 1);
                    queue.push_back((arc.to, level + 1));
                }
            }
        }
        levels
    }

    /// Finds one more way along rising levels; `next` remembers the arcs of each node that lead nowhere.
    fn push(&mut self, source: usize, sink: usize, levels: &[Option<u32>], next: &mut [usize]) -> bool {
        let mut way: Vec<usize> = Vec::new();
        let mut node = source;
        while node != sink {
            let arc = self.arcs_of[node][next[node]..].iter().position(|arc| {
                let arc = self.arcs[*arc];
                arc.room > 0 && levels[arc.to] == levels[node].map(|level| level + 1)
            });
            if let Some(skipped) = arc {
                next[node] += skipped;
                way.push(self.arcs_of[node][next[node]]);
                node = self.arcs[way[way.len() - 1]].to;
            } else {
                next[node] = self.arcs_of[node].len();
                let Some(last) = way.pop() else { return false };
                node = self.arcs[last ^ 1].to;
                next[node] += 1;
            }
        }
        let room = way.iter().map(|arc| self.arcs[*arc].room).min().unwrap_or(0);
        for arc in way {
            self.arcs[arc].room -= room;
            self.arcs[arc ^ 1].room += room;
        }
        true
    }
}
