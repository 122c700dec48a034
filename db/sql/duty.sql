-- Full-time workers of the grids below `:under` (null: of the streets), each with all below it.
WITH RECURSIVE part AS (
    SELECT code AS top, code
    FROM grid
    WHERE CASE WHEN CAST(:under AS text) IS NULL THEN level = 'street' ELSE parent_code = :under END
    UNION ALL
    SELECT p.top, g.code FROM part AS p JOIN grid AS g ON g.parent_code = p.code
)
SELECT g.code, g.name, count(r.worker_id) AS total, count(r.worker_id) FILTER (WHERE r.on_duty) AS on_duty
FROM part AS p
JOIN grid AS g ON g.code = p.top
LEFT JOIN responder AS r ON r.grid_code = p.code AND r.pool = 'full_time'
GROUP BY g.code, g.name
ORDER BY g.code
