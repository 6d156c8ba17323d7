//! Which known word somebody meant.

/// The candidate nearest to `word`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Jaro-Winkler rather than edits: people cut words short and swap letters, but get the beginning right.
    let likeness = |candidate: &str| strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
    candidates.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}
