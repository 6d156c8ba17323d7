//! Maps of a million entries, made in pieces: the standard library collects a map through a list of everything, which
//! for a moment takes the memory twice.

use std::collections::BTreeMap;

/// Entries of one piece.
pub const PIECE: usize = 1 << 17;

/// A map of `entries`; quick where they come in the order of their keys.
pub fn collect<K: Ord, V>(mut entries: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut all = BTreeMap::new();
    loop {
        let mut piece: BTreeMap<K, V> = entries.by_ref().take(PIECE).collect();
        if piece.is_empty() {
            return all;
        }
        all.append(&mut piece);
    }
}

/// Takes the last entries off a list that is sorted backwards, in forward order: at most a piece, and more only where
/// entries that are the `same` would be parted. Their memory is given back.
pub fn take_last<T>(entries: &mut Vec<T>, same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut start = entries.len().saturating_sub(PIECE);
    while start > 0 && same(&entries[start - 1], &entries[start]) {
        start -= 1;
    }
    let mut piece = entries.split_off(start);
    entries.shrink_to_fit();
    piece.reverse();
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_in_pieces_is_the_map() {
        let entries = || (0..PIECE as u64 * 2 + 5).map(|n| (n % (PIECE as u64 * 2), n));
        assert_eq!(collect(entries()), entries().collect());
        assert!(collect(std::iter::empty::<(u8, u8)>()).is_empty());
    }

    #[test]
    fn pieces_come_in_order_and_part_nobody() {
        let mut entries: Vec<usize> = (0..PIECE * 2 + 7).map(|n| n / 3).rev().collect();
        let (mut all, mut pieces) = (Vec::new(), 0);
        while !entries.is_empty() {
            let piece = take_last(&mut entries, |a, b| a == b);
            assert_ne!(all.last(), piece.first());
            all.extend(piece);
            pieces += 1;
        }
        assert_eq!(pieces, 3);
        assert_eq!(all, (0..PIECE * 2 + 7).map(|n| n / 3).collect::<Vec<_>>());
    }
}
