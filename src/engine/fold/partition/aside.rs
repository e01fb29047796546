//! Records that go aside, of a table that masks columns: what stands in their place.

use super::Partition;
use crate::fold::into::Folds;
use crate::fold::masked;
use standings_decode::About;

impl Partition {
    /// Takes the bytes of a record out of what was told of it, where its table masks columns.
    #[inline]
    pub(super) fn conceal(
        &mut self,
        begun: usize,
        (bytes, original): (&[u8], &[u8]),
        about: About<'_>,
        into: &mut Folds<'_>,
    ) {
        if let Some(decoder) = self.decoder.as_mut().filter(|decoder| decoder.masks()) {
            let told = &mut into.rejects[begun..];
            masked::conceal(told, into.plan, || decoder.letter(bytes, original, about));
        }
    }

    /// What stands for a record that others wait for, where its table masks columns.
    #[inline]
    pub(super) fn waits_masked(
        &mut self,
        bytes: &[u8],
        original: &[u8],
        about: About<'_>,
    ) -> Option<Vec<u8>> {
        let decoder = self.decoder.as_mut().filter(|decoder| decoder.masks());
        let decoder = decoder.filter(|_| self.joined.is_some());
        decoder.map(|decoder| decoder.letter(bytes, original, about))
    }
}
