//! How rows stand in timelines, as data. The ways from a record to what is about it follow from the catalogue, so that a
//! new resource comes in by being there.

use crate::{Catalogue, Entry, Kind};

/// How the rows of a resource stand in the timelines of what they are about.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// SQL over the row `t`: where it stands. Never null, and indexed after each way of `about`.
    pub at: &'static str,
    /// SQL over the row `t`: one line about it.
    pub title: &'static str,
    /// The resource that the title tells of, whose right to read it takes.
    pub title_of: Option<&'static str>,
    /// The column with the channel.
    pub channel: Option<&'static str>,
    /// What it is about.
    pub about: &'static [About],
}

/// A way from a row to a record that it is about.
#[derive(Clone, Copy, Debug)]
pub enum About {
    /// Its `subject_type` and `subject_id`.
    Subject,
    /// A column that refers to the record.
    Column(&'static str),
    /// The rows of `resource` whose `ours` refers to it and whose `theirs` refers to the record.
    Through {
        /// Name of a resource.
        resource: &'static str,
        /// Its column.
        ours: &'static str,
        /// Its column.
        theirs: &'static str,
        /// SQL over its row `p`: the same time as the moment's.
        at: &'static str,
    },
}

impl About {
    /// Whether it can lead from a row of `from` to a record of `to`.
    pub(crate) fn reaches(&self, catalogue: &Catalogue, from: &Entry, to: &Entry) -> bool {
        let column = |entry: &Entry, name| Some(entry.fields.get(entry.field_of_column(name)?)?.kind);
        match self {
            About::Subject => {
                let Some(Kind::Enum(_, values)) = column(from, "subject_type") else { return false };
                values.iter().any(|(value, _)| *value == to.subject)
            }
            About::Column(name) => column(from, name) == Some(Kind::Id(Some(to.name))),
            About::Through { resource, theirs, .. } => {
                let middle = catalogue.get(resource).and_then(|middle| column(middle, theirs));
                middle == Some(Kind::Id(Some(to.name)))
            }
        }
    }
}

impl Catalogue {
    /// The resources whose rows stand in timelines, with how they do.
    pub fn moments(&self) -> impl Iterator<Item = (&Entry, Moment)> {
        self.entries().iter().filter_map(|entry| Some((entry, entry.moment?)))
    }

    /// Whether anything can be about a record of this resource.
    pub fn has_timeline(&self, entry: &Entry) -> bool {
        self.moments().any(|(from, moment)| moment.about.iter().any(|about| about.reaches(self, from, entry)))
    }

    /// The values that the channel of a moment may have, with the name of their type.
    pub fn channels(&self) -> Option<(&'static str, Vec<&'static str>)> {
        self.moments().find_map(|(entry, moment)| {
            let field = entry.fields.get(entry.field_of_column(moment.channel?)?)?;
            let Kind::Enum(name, values) = field.kind else { return None };
            Some((name, values.iter().map(|(value, _)| *value).collect()))
        })
    }
}
