-- Workers posted in some grids who have kept positions within a span.
SELECT w.code
FROM worker AS w
WHERE w.grid_code = ANY (CAST(:grids AS text[]))
    AND EXISTS (SELECT FROM track_point AS p WHERE p.worker_id = w.id AND p.at >= :since AND p.at <= :until)
ORDER BY w.code
