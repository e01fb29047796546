//! The face of a ranking: what everybody may see of it, read once a second whoever asks.

use std::sync::Arc;
use std::time::Instant;

use crate::json;
use crate::problem::Problem;
use crate::stage::{FRESH, Face, Kept};
use crate::watch::Shown;

/// Rows of it: a face is sent to everybody who looks, each second.
pub(super) const ROWS: usize = 25;

impl Shown {
    /// The face of a ranking, a second old at most.
    pub(crate) async fn face(&self, number: usize) -> Result<Arc<Face>, Problem> {
        self.has_rows()?;
        let nobody = || Problem::not_found("no such ranking");
        let mut kept = self.stage.of(number).ok_or_else(nobody)?.lock().await;
        if let Some(kept) = kept.as_ref().filter(|k| k.at.elapsed() < FRESH) {
            return kept.face.clone();
        }
        let face = self
            .newest(number, None, ROWS)
            .await
            .map(|(as_of, window)| {
                let text = json::face(&self.plan, number, &as_of, window.as_ref());
                Arc::new(Face {
                    as_of,
                    window,
                    text,
                })
            });
        *kept = Some(Kept {
            at: Instant::now(),
            face: face.clone(),
        });
        face
    }
}
