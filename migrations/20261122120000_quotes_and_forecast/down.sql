DROP TABLE forecast_snapshot_lines, forecast_snapshots, targets, order_lines, orders, quote_lines, quotes, numbers;
