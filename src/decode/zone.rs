//! The zone of times without an offset: `scan.time-zone`.

/// UTC, or a zone by its name.
#[derive(Debug, Default)]
pub(super) struct Zone(Option<(String, standings_scalar::Zone)>);

impl Zone {
    /// The zone of this name; UTC without one, or where there is none of that name, which the queries' check refuses.
    pub(super) fn new(name: Option<&str>) -> Self {
        let named = name.and_then(|name| {
            let zone = standings_scalar::Zone::named(name)?;
            Some((name.to_owned(), zone))
        });
        Zone(named)
    }

    /// The instant at which its clocks show this, both in µs: where they do twice, the first; none where they never do.
    pub(super) fn instant(&self, clock: i64) -> Option<i64> {
        let Some((_, zone)) = &self.0 else {
            return Some(clock);
        };
        let instant = zone.instant(clock);
        (zone.local(instant) == clock).then_some(instant)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |(name, _)| name)
    }
}
