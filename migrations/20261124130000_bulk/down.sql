DROP TABLE bulk_results, bulk_parts, bulk_loads;
