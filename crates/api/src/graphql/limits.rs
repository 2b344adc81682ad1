//! What a GraphQL document may cost before anything of it runs. Depth, recursion and directives are checked by the
//! library; size, tokens, aliases, root fields and operations here; the cost while planning.

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use kith_kernel::{Error, Result, codes};
use std::collections::HashMap;

/// Most bytes of a document.
pub const DOCUMENT: usize = 32 * 1024;
/// Most tokens of a document.
pub const TOKENS: usize = 4_000;
/// Deepest selection. Introspection queries of common tools need 13.
pub const DEPTH: usize = 15;
/// Deepest nesting the parser follows.
pub const RECURSION: usize = 32;
/// Most directives of a field.
pub const DIRECTIVES: usize = 5;
/// Most aliases of a document.
pub const ALIASES: usize = 30;
/// Most selections of a document, fragments unfolded. Every walk over a document visits each of them.
pub const SELECTIONS: usize = 4_000;
/// Most fields at the root.
pub const ROOT_FIELDS: usize = 20;
/// Most operations of a document.
pub const OPERATIONS: usize = 5;
/// Most records that a request may ask for, multiplied through all levels.
pub const COST: u64 = 10_000;
/// Most errors in an answer.
pub const ERRORS: usize = 20;

fn refuse(detail: String) -> Error {
    Error::invalid("/query", "TOO_LARGE", detail)
}

/// Before parsing.
pub fn text(document: &str) -> Result<()> {
    if document.len() > DOCUMENT {
        return Err(Error::new(&codes::PAYLOAD_TOO_LARGE, format!("A document may have {DOCUMENT} bytes.")));
    }
    let tokens = tokens(document);
    if tokens > TOKENS {
        return Err(refuse(format!("A document may have {TOKENS} tokens.")));
    }
    Ok(())
}

/// Names, numbers and punctuators; what stands in strings and comments counts once.
fn tokens(document: &str) -> usize {
    let (mut count, mut word, mut quoted, mut comment) = (0_usize, false, false, false);
    let mut escaped = false;
    for c in document.chars() {
        if comment {
            comment = c != '\n';
        } else if quoted {
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if c == '#' {
            comment = true;
        } else if c.is_alphanumeric() || c == '_' {
            count += usize::from(!word);
            word = true;
        } else {
            word = false;
            quoted = c == '"';
            count += usize::from(!c.is_whitespace() && c != ',');
        }
    }
    count
}

/// After parsing.
pub fn document(document: &ExecutableDocument) -> Result<()> {
    if document.operations.iter().count() > OPERATIONS {
        return Err(refuse(format!("A document may have {OPERATIONS} operations.")));
    }
    let mut unfold = Unfold { document, known: HashMap::new() };
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        let size = unfold.set(&operation.node.selection_set.node);
        if size.roots > ROOT_FIELDS {
            return Err(refuse(format!("An operation may have {ROOT_FIELDS} fields at its root.")));
        }
        all = all.and(size);
    }
    // Those that no operation uses, too: they are validated all the same.
    for name in document.fragments.keys() {
        let size = unfold.fragment(name);
        all.selections = all.selections.max(size.selections);
    }
    if all.selections > SELECTIONS {
        return Err(refuse(format!("A document may have {SELECTIONS} selections once its fragments are unfolded.")));
    }
    if all.aliases > ALIASES {
        return Err(refuse(format!("A document may have {ALIASES} aliases once its fragments are unfolded.")));
    }
    Ok(())
}

/// How large a selection set is with every fragment unfolded.
#[derive(Clone, Copy, Default)]
struct Size {
    selections: usize,
    aliases: usize,
    roots: usize,
}

impl Size {
    /// Larger than anything: a fragment that spreads itself.
    const ENDLESS: Size = Size { selections: usize::MAX, aliases: usize::MAX, roots: usize::MAX };

    /// A fragment is walked through even if there is nothing in it.
    const STEP: Size = Size { selections: 1, aliases: 0, roots: 0 };

    fn and(self, other: Size) -> Size {
        Size {
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            roots: self.roots.saturating_add(other.roots),
        }
    }
}

/// Measures each fragment once, so that fragments which double each other cost nothing here.
struct Unfold<'a> {
    document: &'a ExecutableDocument,
    known: HashMap<&'a Name, Size>,
}

impl<'a> Unfold<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Size {
        let mut size = Size::default();
        for item in &set.items {
            size = size.and(match &item.node {
                Selection::Field(field) => {
                    let inner = self.set(&field.node.selection_set.node);
                    let own = Size { selections: 1, aliases: usize::from(field.node.alias.is_some()), roots: 1 };
                    own.and(Size { roots: 0, ..inner })
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node).and(Size::STEP),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node).and(Size::STEP),
            });
        }
        size
    }

    fn fragment(&mut self, name: &Name) -> Size {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return Size::default() };
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        self.known.insert(name, Size::ENDLESS);
        let size = self.set(&fragment.node.selection_set.node);
        self.known.insert(name, size);
        size
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn tokens_are_counted_outside_strings_and_comments() {
        assert_eq!(tokens("{ a b(c: 1) }"), 9);
        assert_eq!(tokens("{ a(b: \"c d e\\\" f\") } # g h i"), 8);
        assert_eq!(tokens("{ a(b: \"\\\\\") c d }"), 10);
    }
}
