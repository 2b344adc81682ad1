//! `#[resource]` and `#[input]`: write the field table of a row struct and of the input of a business verb, and nothing
//! that has SQL or routes in it.
//!
//! ```ignore
//! /// A company we do business with.
//! #[resource(table = accounts, id = AccountId)]
//! pub struct Account {
//!     /// Legal or trading name.
//!     #[field(filter, sort, max = 200, example = "\"Acme\"")]
//!     pub name: String,
//! }
//! ```
//! adds the field `meta` with the columns that every record has, and implements `Shape`. Of a field it understands
//! `filter`, `sort`, `default`, `read_only`, `create_only`, `hidden`, `max = n`, `example = "JSON"`, `money`, and `id`: the id
//! under another name. Rows that follow from other rows are `derived`: `#[resource(table = …, id = …, derived)]`.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Attribute, Error, Expr, Field, Fields, Ident, ItemStruct, Lit, Meta, Result, Type, parse_macro_input};

/// See the crate.
#[proc_macro_attribute]
pub fn resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemStruct);
    let mut table = None;
    let mut id = None;
    let mut derived = false;
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("derived") {
            derived = true;
            return Ok(());
        }
        let value: Ident = meta.value()?.parse()?;
        if meta.path.is_ident("table") {
            table = Some(value);
        } else if meta.path.is_ident("id") {
            id = Some(value);
        } else {
            return Err(meta.error("expected table, id or derived"));
        }
        Ok(())
    });
    parse_macro_input!(arguments with parser);
    let (Some(table), Some(id)) = (table, id) else {
        return Error::new_spanned(&item.ident, "write #[resource(table = …, id = …)]").to_compile_error().into();
    };
    expand(&item, &table.to_string(), &id, derived).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The text of the doc comments, one line a line.
fn doc(attributes: &[Attribute], of: &Ident) -> Result<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let text = lines.collect::<Vec<_>>().join(" ").trim().to_owned();
    if text.is_empty() {
        Err(Error::new_spanned(of, "this needs a doc comment: it is the API's documentation"))
    } else {
        Ok(text)
    }
}

fn camel(snake: &str) -> String {
    let mut parts = snake.split('_');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(chars.as_str());
    }
    out
}

#[derive(Default)]
struct Options {
    filter: bool,
    sort: bool,
    default: bool,
    money: bool,
    id: bool,
    access: Option<&'static str>,
    max: Option<usize>,
    example: Option<String>,
}

fn options(field: &Field) -> Result<Options> {
    let mut options = Options::default();
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
            match name.as_str() {
                "filter" => options.filter = true,
                "sort" => options.sort = true,
                "default" => options.default = true,
                "money" => options.money = true,
                "id" => options.id = true,
                "read_only" => options.access = Some("ReadOnly"),
                "create_only" => options.access = Some("CreateOnly"),
                "hidden" => options.access = Some("Hidden"),
                "max" => options.max = Some(meta.value()?.parse::<syn::LitInt>()?.base10_parse()?),
                "example" => options.example = Some(meta.value()?.parse::<syn::LitStr>()?.value()),
                _ => {
                    return Err(meta.error(
                        "expected filter, sort, default, read_only, create_only, hidden, id, money, max = n or example = \"JSON\"",
                    ));
                }
            }
            Ok(())
        })?;
    }
    Ok(options)
}

/// The fields of a struct, each as it stays in the struct, as a row of the field table, and as it is before it is set.
struct Expanded {
    idents: Vec<Ident>,
    types: Vec<Type>,
    kept: Vec<Tokens>,
    rows: Vec<Tokens>,
    blank: Vec<Tokens>,
}

fn fields(item: &ItemStruct) -> Result<Expanded> {
    let Fields::Named(fields) = &item.fields else {
        return Err(Error::new_spanned(&item.ident, "named fields, please"));
    };
    let mut all = Expanded { idents: vec![], types: vec![], kept: vec![], rows: vec![], blank: vec![] };
    for field in &fields.named {
        let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a name, please"))?;
        let (ty, options, text) = (&field.ty, options(field)?, doc(&field.attrs, ident)?);
        let docs = field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
        let visibility = &field.vis;
        all.kept.push(quote!(#(#docs)* #visibility #ident: #ty));
        let column = ident.to_string();
        let columns = if options.money {
            vec![format!("{column}_amount"), format!("{column}_currency")]
        } else {
            vec![column.clone()]
        };
        let api = camel(&column);
        let access = Ident::new(options.access.unwrap_or("Write"), ident.span());
        let (filter, sort, default, id) = (options.filter, options.sort, options.default, options.id);
        let writable = !matches!(options.access, Some("ReadOnly" | "Hidden"));
        let max = options.max.unwrap_or(200);
        let example = options.example.map_or(quote!(None), |text| quote!(Some(#text)));
        all.rows.push(quote!(kith_kernel::Field {
            name: #api, columns: &[#(#columns),*], doc: #text,
            kind: <#ty as kith_kernel::FieldType>::KIND, nullable: <#ty as kith_kernel::FieldType>::NULLABLE,
            required: #writable && !#default && !<#ty as kith_kernel::FieldType>::NULLABLE,
            access: kith_kernel::Access::#access, filter: #filter, sort: #sort, id: #id, max: #max, example: #example,
        }));
        all.blank.push(if default {
            quote!(<#ty as Default>::default())
        } else {
            quote!(<#ty as kith_kernel::FieldType>::empty())
        });
        all.idents.push(ident.clone());
        all.types.push(ty.clone());
    }
    Ok(all)
}

/// For the input of a business verb: the same field table, without a record around it.
#[proc_macro_attribute]
pub fn input(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemStruct);
    expand_input(&item).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand_input(item: &ItemStruct) -> Result<Tokens> {
    let (name, visibility, attributes) = (&item.ident, &item.vis, &item.attrs);
    doc(attributes, name)?;
    let Expanded { idents, kept, rows, blank, .. } = fields(item)?;
    let indices = 0..idents.len();
    Ok(quote! {
        #(#attributes)*
        #[derive(Clone, Debug, PartialEq)]
        #visibility struct #name { #(#kept,)* }
        impl kith_kernel::Input for #name {
            const FIELDS: &'static [kith_kernel::Field] = &[#(#rows),*];
            fn blank() -> Self { #name { #(#idents: #blank),* } }
            fn set(&mut self, index: usize, value: &kith_kernel::export::serde_json::Value) -> Result<(), String> {
                match index { #(#indices => self.#idents = kith_kernel::FieldType::parse(value)?,)* _ => {} }
                Ok(())
            }
        }
    })
}

fn expand(item: &ItemStruct, table: &str, id: &Ident, derived: bool) -> Result<Tokens> {
    let (name, visibility) = (&item.ident, &item.vis);
    let (type_name, kebab, about) = (name.to_string(), table.replace('_', "-"), doc(&item.attrs, name)?);
    let attributes = item.attrs.iter();
    let Expanded { idents, types, kept, rows, blank } = fields(item)?;
    let indices: Vec<usize> = (8..8 + idents.len()).collect();
    let meta = Ident::new(if derived { "DERIVED_META_FIELDS" } else { "META_FIELDS" }, name.span());
    Ok(quote! {
        #(#attributes)*
        #[derive(Clone, Debug, PartialEq)]
        #visibility struct #name {
            /// The columns that every record has.
            pub meta: kith_kernel::Meta,
            #(#kept,)*
        }
        impl #name {
            /// Its id.
            pub fn id(&self) -> #id { #id(self.meta.id) }
        }
        impl kith_kernel::Shape for #name {
            const NAME: &'static str = #kebab;
            const TYPE: &'static str = #type_name;
            const TABLE: &'static str = #table;
            const DOC: &'static str = #about;
            const FIELDS: &'static [kith_kernel::Field] = &{
                let [a, b, c, d, e, f, g, h] = kith_kernel::#meta;
                [a, b, c, d, e, f, g, h, #(#rows),*]
            };
            fn blank(meta: kith_kernel::Meta) -> Self { #name { meta, #(#idents: #blank),* } }
            fn meta(&self) -> &kith_kernel::Meta { &self.meta }
            fn meta_mut(&mut self) -> &mut kith_kernel::Meta { &mut self.meta }
            fn set(&mut self, index: usize, value: &kith_kernel::export::serde_json::Value) -> Result<(), String> {
                match index { #(#indices => self.#idents = kith_kernel::FieldType::parse(value)?,)* _ => {} }
                Ok(())
            }
            fn write_own(&self, index: usize, out: &mut Vec<u8>) {
                match index { #(#indices => kith_kernel::FieldType::write(&self.#idents, out),)* _ => {} }
            }
            fn binds_own(&self, index: usize, out: &mut Vec<kith_kernel::Bind>) {
                match index { #(#indices => kith_kernel::FieldType::binds(&self.#idents, out),)* _ => {} }
            }
            fn uuid_own(&self, index: usize) -> Option<kith_kernel::export::uuid::Uuid> {
                match index { #(#indices => kith_kernel::FieldType::uuid(&self.#idents),)* _ => None }
            }
            fn load(
                conn: &mut kith_kernel::export::diesel::PgConnection, statement: &kith_kernel::Statement,
            ) -> kith_kernel::export::diesel::QueryResult<Vec<Self>> {
                type Sql = (kith_kernel::MetaSql, #(<#types as kith_kernel::FieldType>::Sql,)*);
                kith_kernel::export::diesel::RunQueryDsl::load::<Self>(statement.typed::<Sql>(), conn)
            }
        }
        const _: () = {
            type Sql = (kith_kernel::MetaSql, #(<#types as kith_kernel::FieldType>::Sql,)*);
            impl kith_kernel::export::diesel::deserialize::Queryable<Sql, kith_kernel::export::diesel::pg::Pg> for #name {
                type Row = (kith_kernel::MetaRow, #(<#types as kith_kernel::FieldType>::Row,)*);
                fn build((meta, #(#idents,)*): Self::Row) -> kith_kernel::export::diesel::deserialize::Result<Self> {
                    Ok(#name {
                        meta: kith_kernel::Meta::from_row(meta),
                        #(#idents: <#types as kith_kernel::FieldType>::from_row(#idents)?,)*
                    })
                }
            }
        };
    })
}
