-- How many needs there are by status (whatever is asked for), and by class, by grid and by both among the statuses asked
-- for.
WITH told AS (
    SELECT need_status(n.status, i.is_open) AS status, n.class_code, v.grid_code
    FROM need AS n
    JOIN visit AS v ON v.id = n.visit_id
    LEFT JOIN incident AS i ON i.id = n.incident_id
    WHERE CAST(:grids AS text[]) IS NULL OR v.grid_code = ANY (CAST(:grids AS text[]))
), counted AS (
    SELECT status, NULL AS class_code, NULL AS grid_code, count(*) AS count FROM told GROUP BY status
    UNION ALL
    SELECT NULL, class_code, grid_code, count(*)
    FROM told
    WHERE CAST(:statuses AS text[]) IS NULL OR status = ANY (CAST(:statuses AS text[]))
    GROUP BY GROUPING SETS ((class_code), (grid_code), (class_code, grid_code))
)
SELECT n.status, n.class_code, c.name AS class_name, n.grid_code, g.name AS grid_name, n.count
FROM counted AS n
LEFT JOIN incident_class AS c ON c.code = n.class_code
LEFT JOIN grid AS g ON g.code = n.grid_code
ORDER BY n.count DESC, n.status, n.class_code, n.grid_code
