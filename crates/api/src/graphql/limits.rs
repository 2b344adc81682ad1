//! What a GraphQL document may cost before anything of it runs. Depth, recursion and directives are checked by the
//! library; size, tokens, aliases, root fields and operations here; the cost while planning.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use kith_kernel::{Error, Result, codes};

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
    let mut before = ' ';
    for c in document.chars() {
        if comment {
            comment = c != '\n';
        } else if quoted {
            quoted = c != '"' || before == '\\';
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
        before = c;
    }
    count
}

/// After parsing.
pub fn document(document: &ExecutableDocument) -> Result<()> {
    if document.operations.iter().count() > OPERATIONS {
        return Err(refuse(format!("A document may have {OPERATIONS} operations.")));
    }
    let mut aliases = 0;
    for (_, operation) in document.operations.iter() {
        let set = &operation.node.selection_set.node;
        if roots(document, set, 0) > ROOT_FIELDS {
            return Err(refuse(format!("An operation may have {ROOT_FIELDS} fields at its root.")));
        }
        aliases += count(set);
    }
    aliases += document.fragments.values().map(|fragment| count(&fragment.node.selection_set.node)).sum::<usize>();
    if aliases > ALIASES {
        return Err(refuse(format!("A document may have {ALIASES} aliases.")));
    }
    Ok(())
}

fn roots(document: &ExecutableDocument, set: &SelectionSet, depth: usize) -> usize {
    if depth > RECURSION {
        return ROOT_FIELDS + 1;
    }
    let one = |selection: &Selection| match selection {
        Selection::Field(_) => 1,
        Selection::InlineFragment(inline) => roots(document, &inline.node.selection_set.node, depth + 1),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.map_or(0, |fragment| roots(document, &fragment.node.selection_set.node, depth + 1))
        }
    };
    set.items.iter().map(|item| one(&item.node)).fold(0, usize::saturating_add)
}

fn count(set: &SelectionSet) -> usize {
    let one = |selection: &Selection| match selection {
        Selection::Field(field) => usize::from(field.node.alias.is_some()) + count(&field.node.selection_set.node),
        Selection::InlineFragment(inline) => count(&inline.node.selection_set.node),
        Selection::FragmentSpread(_) => 0,
    };
    set.items.iter().map(|item| one(&item.node)).sum()
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn tokens_are_counted_outside_strings_and_comments() {
        assert_eq!(tokens("{ a b(c: 1) }"), 8);
        assert_eq!(tokens("{ a(b: \"c d e\\\" f\") } # g h i"), 8);
    }
}
