//! Of which input a partition is, where several are read beside each other: their partitions are numbered in turn.

use super::Live;
use standings_model::block::PartitionId;

impl Live {
    /// Several inputs are read beside each other, in this order; files have no name. Said once, before anything is read.
    pub fn name_inputs(&self, names: Vec<Option<String>>) {
        if names.len() > 1 {
            // Said twice it would be the same.
            let _ = self.inputs.set(names);
        }
    }

    /// The input that a partition of the run is of, and the partition's number there; the partition itself where there is one
    /// input.
    ///
    /// # Examples
    ///
    /// ```
    /// use standings_observe::live::Live;
    ///
    /// let live = Live::default();
    /// assert_eq!(live.input_of(5), (None, 5));
    /// live.name_inputs(vec![None, Some("orders".to_owned())]);
    /// assert_eq!(live.input_of(5), (Some("orders"), 2));
    /// assert_eq!(live.input_of(4), (None, 2));
    /// ```
    pub fn input_of(&self, partition: PartitionId) -> (Option<&str>, PartitionId) {
        let Some(names) = self.inputs.get() else {
            return (None, partition);
        };
        let count = names.len() as PartitionId;
        let name = names[(partition % count) as usize].as_deref();
        (name, partition / count)
    }
}
