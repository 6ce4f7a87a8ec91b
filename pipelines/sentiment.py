"""The graph of the `sentiment` study: prepare → train → evaluate → compare → report."""

import json
from typing import NamedTuple

from kfp import dsl

from bakeoff.components.audit import audit
from bakeoff.components.choose_width import choose_width
from bakeoff.components.compare import compare
from bakeoff.components.evaluate import evaluate
from bakeoff.components.prepare import prepare
from bakeoff.components.report import report
from bakeoff.components.train_ensemble import train_ensemble
from bakeoff.components.train_text_classical import train_text_classical
from bakeoff.components.train_text_network import train_text_network
from bakeoff.pipelines.options import Options
from bakeoff.studies import STUDIES, Plan
from bakeoff.text.configs import to_dict


def sentiment(plan: Plan, options: Options):
    """The pipeline of a plan; a part without models is left out of the graph."""
    settings = {
        "study": plan.study,
        "preset": plan.preset,
        "seed": plan.seed,
        "seeds": plan.seeds,
        "pairs": [list(pair) for pair in STUDIES[plan.study].pairs],
    }

    first, later = _items(plan, options)

    class Outputs(NamedTuple):
        comparison: dsl.Artifact
        page: dsl.HTML

    @dsl.pipeline(name="sentiment", description=STUDIES[plan.study].about)
    def graph(
        data: str = plan.data,
        data_hash: str = "",
        text_column: str = plan.text_column,
        label_column: str = plan.label_column,
        skip_bad_rows: bool = plan.skip_bad_rows,
        split: str = plan.split,
        limit: int = plan.limit,
        networks: list = first,
        networks_of_chosen_width: list = later,
    ) -> Outputs:
        prepared = options.apply(
            prepare(
                data=data,
                data_hash=data_hash,
                input_column=text_column,
                label_column=label_column,
                skip_bad=skip_bad_rows,
                split=split,
                limit=limit,
                seed=plan.seed,
                code_hash=options.code_hash(prepare),
            ),
        )
        test = prepared.outputs["test"]
        audited = options.apply(
            audit(
                dataset=prepared.outputs["dataset"],
                seed=plan.seed,
                drop=plan.drop_suspects,
                code_hash=options.code_hash(audit),
            )
        ).outputs["audited"]
        # Without a need to wait for it, the audit only feeds the report.
        dataset = audited if plan.drop_suspects else prepared.outputs["dataset"]

        def evaluated(models):
            return options.apply(
                evaluate(models=models, test=test, code_hash=options.code_hash(evaluate))
            ).outputs["evaluations"]

        classical, trained_in, evaluations = {}, {}, {}
        if plan.classical:
            lineup = {name: to_dict(config) for name, config in plan.classical.items()}
            trained = options.apply(
                train_text_classical(
                    dataset=dataset,
                    lineup=json.dumps(lineup),
                    seed=plan.seed,
                    code_hash=options.code_hash(train_text_classical),
                )
            )
            classical = {"classical": trained.outputs["models"]}
            evaluations["classical"] = evaluated(trained.outputs["models"])

        def trained_and_evaluated(items, loop):
            with dsl.ParallelFor(items, name=loop, parallelism=options.parallelism) as item:
                trained = options.apply(
                    train_text_network(
                        dataset=dataset,
                        model=item.model,
                        seed=item.seed,
                        config=item.config,
                        vectors_hash=item.vectors_hash,
                        threads=plan.threads,
                        code_hash=options.code_hash(train_text_network),
                    )
                )
                evaluation = evaluated(trained.outputs["models"])
            trained_in[loop] = trained.outputs["models"]
            evaluations[loop] = dsl.Collected(evaluation)

        if first:
            trained_and_evaluated(networks, "networks")
        if later:
            # The width travels in the items: kfp.local hands a loop item to every task-output
            # parameter that is read inside a loop.
            chosen = options.apply(
                choose_width(
                    models=dsl.Collected(trained_in["networks"]),
                    later=networks_of_chosen_width,
                    code_hash=options.code_hash(choose_width),
                )
            )
            trained_and_evaluated(chosen.output, "networks_of_chosen_width")

        if plan.ensemble:
            mixed = options.apply(
                train_ensemble(
                    model=plan.ensemble,
                    config=json.dumps(to_dict(plan.models[plan.ensemble])),
                    seed=plan.seed,
                    seeds=plan.seeds,
                    code_hash=options.code_hash(train_ensemble),
                    **classical,
                    **{loop: dsl.Collected(models) for loop, models in trained_in.items()},
                )
            )
            evaluations["ensemble"] = evaluated(mixed.outputs["models"])

        compared = options.apply(
            compare(
                dataset=audited,
                settings=json.dumps(settings),
                code_hash=options.code_hash(compare),
                **evaluations,
            )
        )
        drawn = options.apply(
            report(comparison=compared.outputs["comparison"], code_hash=options.code_hash(report))
        )
        return Outputs(comparison=compared.outputs["comparison"], page=drawn.outputs["page"])

    return graph


def _items(plan: Plan, options: Options) -> tuple[list, list]:
    """The items of the two loops; without RNNs of several widths nothing waits for a choice."""
    items = [
        {
            "model": name,
            "seed": seed,
            "config": json.dumps(to_dict(config)),
            "vectors_hash": options.content_hash(config.vectors),
        }
        for seed in plan.training_seeds
        for name, config in plan.networks.items()
    ]
    first = [item for item in items if item["model"] not in plan.waiting]
    return first, [item for item in items if item["model"] in plan.waiting]
