.DEFAULT_GOAL := help
.PHONY: help run test cover check bench words lock clean
PYTHON := .venv/bin/python
PARALLEL := -n auto --maxprocesses 4 --dist loadfile

help: ## 列出命令 List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: ## 安装并启动系统 Set up and serve on http://localhost:8501 (PORT, DATABASE_URL)
	@./setup.sh run
	@exec .venv/bin/gridcommand serve

test: ## 安装并运行全部测试 Set up and run every test
	@./setup.sh test
	$(PYTHON) -m pytest $(PARALLEL)

cover: ## 测试并列出未覆盖的代码 Run every test, half as long again, and show what none reaches
	@./setup.sh test
	$(PYTHON) -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered

check: ## 静态检查 Lint, types, floors and the house test
	@./setup.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -m pytest tests/test_house.py

bench: ## 性能对比测量 Measure against named peers (Redis, pgRouting where installed)
	@./setup.sh test
	$(PYTHON) -m bench.dispatch --png docs/images/dispatch.png

words: ## 更新译文目录 Bring the catalogues in line with the code, new sentences empty
	@./setup.sh test
	$(PYTHON) -m tests.messages

lock: ## 重新锁定依赖 Pin the dependencies of pyproject.toml anew
	$(PYTHON) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml -o requirements.lock
	$(PYTHON) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	.venv/bin/npm install --silent --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --prefix assets
	$(PYTHON) -c "import json, pathlib; lock = pathlib.Path('assets/package-lock.json'); facts = json.loads(lock.read_text()); \
	  [p.pop('funding', None) for p in facts['packages'].values()]; lock.write_text(json.dumps(facts, indent=2) + '\n')"

clean: ## 删除演示数据库和缓存 Remove the embedded database and caches
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
